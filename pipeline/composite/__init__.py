"""A question taken apart on its way through the gateway: each part is looked up by itself, what is missing is asked, and the
answers are put together again. What a text falls into is pipeline.decompose's to say.
"""
