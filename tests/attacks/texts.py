"""Texts that cannot be names, or that would be read as something else."""

FORMLESS = (
    *("", " ", ".", "..", ".a", "-a", "a b", "a/b", "/a", "../a", "a\nb", "a\r", "a\x00b", "a\tb", "\x85", "a\u200bb"),
    *("a+b", "a|b", "a,b", "a;b", "a:b", "a*", "?", "{a}", "[a]", "<b>", "a&b", "a'b", 'a"b', "a`b", "a\\b", "$a"),
    *("=1+1", "@a", "#a", "~", "%s", "é", "\uff41", "\u202ea", "\U0001f98a", "a" * 101, "a" * 260, "a" * 5000),
)
