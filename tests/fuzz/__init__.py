"""Schemathesis over the OpenAPI of every API: no answer is a 5xx, and none is outside the schema (`make fuzz`)."""
