"""When the landings of a night are due."""

from datetime import time

LANDINGS = (("box_scores", time(6, 30)), ("same_day_schedule_and_rosters", time(6, 40)))
