"""Data sets, training, calibration, evaluation, export: how the shipped models came to be, and how to better them.

In: rendered shops, and what a store recorded with consent. Out: ONNX files with their calibration and a model card.
Never: part of a running store; torch is imported here only.
"""
