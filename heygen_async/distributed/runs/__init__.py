"""Runs that many machines work on: submitted once, kept in PostgreSQL, worked on by workers."""
