"""What people said is in pictures: boxes, joints, tracks, products, actions; by store, camera and visit.

In: data sets of this package's own folder format, and of COCO, YOLO, CVAT, Label Studio, MOTChallenge.
Out: the same the other way, parts of it to train, check and measure on, and what somebody should label next.
Never: a network; whoever has one (learning, the command line) brings what it says.
"""
