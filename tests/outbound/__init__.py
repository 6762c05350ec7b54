"""Tests of outbound."""
