"""Rows that earlier commits stored: today's code must read each of them to the same meaning."""
