"""The routes under `/control`, by which people and tests steer the simulator."""
