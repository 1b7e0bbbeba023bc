"""What one sensor saw: people and their joints in one camera's frame, weight steps on one shelf.

In: frames (pixels) and scale batches. Out: CameraDetections, WeightStep, SensorDegraded.
Never: two cameras at once, identities, faces; pixels are neither kept nor written.
"""
