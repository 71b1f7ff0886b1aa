"""Prices for tables of any length, in bounded memory. The only place that knows Arrow."""
