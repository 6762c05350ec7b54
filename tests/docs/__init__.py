"""What integrators and operators read: written from the code, compared with it, red when stale."""
