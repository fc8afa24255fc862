"""Every threshold of the checks, with its reason. A limit that was changed after a look stands in results/LOG.md."""

from __future__ import annotations

# Language. Shorter turns are not judged: three-word fragments are guessed wrong one time in ten.
LETTERS_TO_DETECT = 40
WRONG_TURNS = 0.02  # share of judged turns in another language (foreign sentences are quoted where they are discussed)

# Likeness.
NEAR_DUPLICATE = 0.6  # cosine of character 5-grams of two conversations of one language
TWIN = 0.93  # cosine of the English summaries of two conversations of different languages
TWINS = 0.02  # share of conversations that may have one
REPEATED_OPENINGS = 0.02  # share of conversations that begin like another one of their language

# What gives a category away.
NGRAM_ACCURACY = 0.5  # a character n-gram classifier must stay below this

# Evenness.
UNBALANCED_P = 0.01  # chi-square of every pair of attributes; there are six pairs

# Lengths, in words; see `lengths.words`.
LENGTH_BANDS = {"short": (12, 30), "medium": (35, 70), "long": (80, 140)}
LENGTH_SLACK, OFF_LENGTH = 1.35, 0.05  # factor beyond a band, and share of conversations that may lie there
# Factor between a language's median and the overall one. Languages that join words (Turkish, Georgian) say the same in
# about two thirds of the words of those that do not; twice or half is another kind of message.
LENGTH_FACTOR = 2.0
LENGTH_JUDGED = 10  # a language with fewer conversations is shown, not judged

# Refusals.
REFUSALS = 0.05  # share of answers in a regular category that decline

# Blind relabelling; fixed before any answer was seen. An answer counts as agreeing when it is the label or one of the
# overlaps that the taxonomy documents for the label.
LABELS_AGREE = 0.90  # share of answered conversations
LABELS_AGREE_EACH = 0.70  # the same in every single category
LABELS_UNANSWERED = 0.05  # share without a usable answer; above it the check says nothing and fails
