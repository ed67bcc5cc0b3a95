"""Backups of Shipway itself: one encrypted file, made, checked and restored."""
