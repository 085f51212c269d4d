"""Spiking neurons and networks: state goes in and comes out, nothing is hidden."""
