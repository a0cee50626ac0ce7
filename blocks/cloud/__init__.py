"""What clouds have in common whose machines are rented and whose memory is a bucket.

Nothing here knows a cloud: a provider brings its bucket and its words, and the rest is here.
"""
