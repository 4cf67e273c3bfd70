"""The data of the page's explorer: what a script needs to draw any explained text, as one piece of JSON.

`payload.make_payload` is the way in. It reads nothing but `RunTables`, so that pages about a reader's own texts are
made from the same tables by the same functions.
"""
