"""`make check-upgrade`: data that an older commit wrote is opened by the code of this checkout."""
