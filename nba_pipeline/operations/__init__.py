"""What people run to know whether last night went well."""
