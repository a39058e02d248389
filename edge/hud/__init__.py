"""Events to pixels: state (pure), layout (pure), drawing, sinks, and the loop that owns the main thread."""
