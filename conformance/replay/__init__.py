"""Replay of requests that data files describe: a small language and its interpreter."""
