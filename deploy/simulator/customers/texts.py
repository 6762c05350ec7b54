"""What do customers say? Portuguese sentences by intent, all made up."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "greeting": (
        "oi",
        "Olá, bom dia!",
        "boa tarde, tudo bem?",
        "Oi, tem alguém aí?",
        "bom diaaa 😊",
        "Olá! Vim pelo site de vocês",
    ),
    "question": (
        "Meu pedido ainda não chegou, vocês conseguem verificar?",
        "Vocês entregam no sábado?",
        "Quero remarcar o horário de amanhã, pode ser?",
        "Qual é o valor da mensalidade?",
        "Não consigo emitir a segunda via do boleto",
        "O aparelho parou de ligar ontem à noite. Ainda está na garantia?",
        "Preciso falar com o financeiro, a cobrança veio em dobro 😕",
        "Tem esse modelo na cor azul? Tamanho 38",
        "Como faço pra cancelar a assinatura?",
        "Fiz o PIX agora, já caiu aí?",
    ),
    "answer": (
        "Isso mesmo",
        "O número do pedido é 48210",
        "Pode ser às 15h?",
        "Ainda não, vou tentar de novo",
        "Sim, foi semana passada",
        "Aguardo então 👍",
        "É no nome da minha mãe, Maria das Graças",
        "Não entendi, pode explicar melhor?",
    ),
    "thanks": ("obrigado", "Obrigada!", "ok, valeu", "🙏", "perfeito, muito obrigado"),
    "nonsense": (
        "hmm não sei",
        "é sobre aquilo que falei ontem",
        "???",
        "quero falar sobre outra coisa",
        "moço, me ajuda aí",
    ),
    "photo": (
        "Segue a foto do produto",
        "Vou mandar umas fotos",
        "Olha como chegou a caixa:",
    ),
    "wrong_number": (
        "Desculpa, mandei pra pessoa errada",
        "Quem é? Não conheço esse número",
        "Acho que foi engano",
    ),
    "later": (
        "Oi, sou eu de novo. O problema voltou",
        "Então, fiquei com mais uma dúvida",
        "Bom dia! Continuando aquele assunto…",
    ),
}
EMOJI: Final = ("👍", "❤️", "🙏", "😂", "😮")
