"""Looks at the parts that Shipway needs, a file a kind of part: what is wrong with each, and how to mend it. Changes nothing."""
