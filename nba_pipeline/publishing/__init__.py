"""Phase 6, for people outside: what is given away as files, made of live rows of the ledger and of nothing else."""
