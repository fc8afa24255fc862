"""Tables, figures and pages out of finished runs."""
