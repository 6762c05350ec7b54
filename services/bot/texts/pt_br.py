"""Default texts in Portuguese; a flow may replace each of them."""

from typing import Final

INVALID: Final = "Desculpe, não entendi. Pode responder de novo?"
OLD_MENU: Final = "Essa opção era de uma mensagem anterior. Responda à última pergunta, por favor."
SEE_OPTIONS: Final = "Ver opções"
YES: Final = ("sim", "s", "yes", "y", "claro", "isso", "quero", "ok")
NO: Final = ("não", "n", "no", "negativo", "não quero")
RESERVED: Final = {
    "atendente": "hand_off",
    "sair": "close",
    "menu": "restart",
    "#": "restart",
}
BUILT_IN: Final = {"nome": 60, "protocolo": 20}
"""Variables that every session has, and their longest value."""
NAME: Final = "nome"
PROTOCOL: Final = "protocolo"
PATH: Final = "Caminho"
ANSWERS: Final = "Respostas"
