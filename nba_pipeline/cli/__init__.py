"""The commands of `nba-pipeline`, one file a topic, with what they print beside them."""
