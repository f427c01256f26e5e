import pytest

# An assertion in there that fails says what it compared, as one in a test does.
pytest.register_assert_rewrite("nba_pipeline_tests.support")
