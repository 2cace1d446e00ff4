"""Requests, answers, pages: what HTTP functions share."""
