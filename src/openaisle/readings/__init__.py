"""Room 1: everything the sensors and gates said, on one timeline.

In: readings as they arrived. Out: the same readings in order and once each, and what is wrong with which sensor.
Never: an exception for a sensor's mistake, or a change to what a sensor measured.
"""
