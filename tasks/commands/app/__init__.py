"""A web page on this machine: what a filled-in form means as plain functions, and the Gradio page around them."""
