"""What tickets decides: functions over frozen data, standard library only (design.md D2)."""
