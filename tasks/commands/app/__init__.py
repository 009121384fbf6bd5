"""The page: plain functions that turn a filled-in form into sound, and a thin Gradio page around them."""
