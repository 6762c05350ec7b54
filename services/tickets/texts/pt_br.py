"""What customers say out of politeness: folded, that is without case, accents or signs."""

from typing import Final

COURTESIES: Final = frozenset(
    {
        "ok",
        "okay",
        "blz",
        "beleza",
        "certo",
        "perfeito",
        "show",
        "top",
        "valeu",
        "vlw",
        "obrigado",
        "obrigada",
        "obg",
        "obrigado mesmo",
        "muito obrigado",
        "muito obrigada",
        "tchau",
        "ate mais",
        "ate logo",
        "bom dia",
        "boa tarde",
        "boa noite",
        "de nada",
        "tmj",
        "agradeco",
        "thanks",
        "thank you",
        "gracias",
    }
)
