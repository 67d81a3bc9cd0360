"""The codec of bottom-up networks: all people of a picture to heatmaps and tags and back (associative embedding).

A network's first output (B, 2K, h, w) holds K heatmaps and K maps of tags, numbers that are alike on one person and
differ between people. Further outputs (B, K, 2h, 2w) hold finer heatmaps. `codec.GroupCodec` makes the targets, joins
outputs of several scales and of the mirrored picture, finds candidates, groups them by their tags and refines them.
"""
