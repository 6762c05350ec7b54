"""Portuguese for each value and error that a screen shows."""

from typing import Final

LIFECYCLES: Final = {
    "bot": "No bot",
    "waiting": "Aguardando",
    "attending": "Atendendo",
    "paused": "Pausado",
    "closed": "Resolvido",
}

ENTITIES: Final = {
    "sectors": "Setores",
    "agents": "Atendentes",
    "connections": "Conexões",
    "close_reasons": "Motivos de encerramento",
}
"""What an administrator sets up, by collection."""

QUEUED: Final = {
    "customer_waits": "O cliente escreveu durante a pausa e ninguém retomou a tempo.",
    "transferred": "O atendimento foi transferido para este setor.",
    "returned": "O atendente devolveu o atendimento à fila.",
    "customer_asked": "O cliente pediu para falar com uma pessoa.",
    "node": "O bot passou o atendimento para a equipe.",
    "ended": "O fluxo do bot chegou ao fim.",
    "timeout": "O cliente não respondeu ao bot a tempo.",
    "loop": "O bot parou, pois a conversa não avançava.",
    "error": "O bot parou por um erro no fluxo.",
    "stopped": "O fluxo do bot foi interrompido.",
    "bot_silent": "O bot não respondeu a tempo.",
}
"""Why a ticket waits for people, by the reason of `ticket_queued`."""

PROBLEMS: Final = {
    "unauthenticated": "Entre novamente para continuar.",
    "invalid_credentials": "Usuário ou senha incorretos.",
    "forbidden": "Você não tem permissão para isso.",
    "not_in_sector": "Você não faz parte do setor deste atendimento.",
    "not_owner": "Outro atendente está com este atendimento.",
    "too_many_requests": "Muitas tentativas. Aguarde um instante.",
    "invalid_request": "Há um campo incorreto no pedido.",
    "not_found": "Não encontrado.",
    "method_not_allowed": "Este endereço não aceita esse método.",
    "invalid_cursor": "Esta página não existe mais. Recarregue a lista.",
    "idempotency_key_reused": "A mesma Idempotency-Key foi usada com outro conteúdo.",
    "version_mismatch": "Alguém mudou isto enquanto você editava. Recarregue e tente de novo.",
    "name_taken": "Já existe um com este nome.",
    "body_too_large": "O conteúdo é grande demais.",
    "invalid_signature": "Assinatura inválida.",
    "verification_failed": "Token de verificação inválido.",
    "already_accepted": "Este atendimento já foi aceito por outro atendente.",
    "ticket_closed": "O atendimento está encerrado. Reabra para responder.",
    "ticket_not_closed": "O atendimento não está encerrado.",
    "ticket_waiting": "Aceite o atendimento antes de responder.",
    "ticket_paused": "O atendimento está pausado. Retome para continuar.",
    "ticket_not_paused": "O atendimento não está pausado.",
    "ticket_not_owned": "O atendimento já está aguardando.",
    "transfer_target_required": "Escolha um setor ou um atendente.",
    "already_there": "O atendimento já está neste destino.",
    "target_unavailable": "O atendente escolhido não pode assumir este atendimento.",
    "until_passed": "Escolha um horário no futuro.",
    "ticket_in_bot": "O bot ainda está atendendo.",
    "ticket_attended": "O atendimento já está com um atendente.",
    "flow_unavailable": "Nenhum fluxo está configurado para esta conexão.",
    "session_ended": "O bot já não está atendendo.",
    "ticket_already_open": "O contato já tem outro atendimento aberto nesta conexão.",
    "sector_required": "Escolha um setor para aceitar o atendimento.",
    "sector_inactive": "O setor está inativo.",
    "agent_away": "Você está ausente. Mude seu estado para aceitar.",
    "agent_limit_reached": "Você atingiu o limite de atendimentos simultâneos.",
    "window_closed": "A janela de 24 horas fechou. Use um modelo aprovado.",
    "range_not_satisfiable": "O arquivo termina antes do trecho pedido.",
    "media_not_stored": "O arquivo ainda não foi recebido ou não está mais disponível.",
    "contact_erased": "Os dados deste contato foram apagados.",
    "contact_blocked": "O contato está bloqueado.",
    "unknown_close_reason": "Este motivo não pode ser usado neste atendimento.",
    "close_reason_required": "Informe o motivo do encerramento.",
    "reopen_limit_passed": "O prazo para reabrir este atendimento passou.",
    "unknown_message": "A mensagem não pertence a esta conversa.",
    "busy": "O atendimento está mudando rápido demais. Tente de novo.",
    "position_not_reached": "A lista ainda está sendo atualizada. Tente de novo.",
    "not_ready": "O serviço está iniciando.",
    "unavailable": "Um serviço está fora do ar. Tente de novo em instantes.",
    "internal_error": "Algo deu errado do nosso lado.",
}

FIELDS: Final = {
    "missing": "Falta um campo obrigatório no pedido.",
    "extra_forbidden": "O pedido tem um campo ou parâmetro que não existe.",
    "json_invalid": "O corpo do pedido não é um JSON válido.",
    "string_too_long": "O texto é longo demais.",
    "string_too_short": "O texto é curto demais.",
    "string_pattern_mismatch": "O texto está vazio ou tem um caractere inválido.",
    "string_type": "O campo precisa ser um texto.",
    "uuid_parsing": "O identificador não é válido.",
    "less_than_equal": "O número é grande demais.",
    "greater_than_equal": "O número é pequeno demais.",
    "unknown_reference": "O campo indica algo que não existe nesta conta.",
}
"""Why a field of a request is wrong, by the `reason` of `invalid_request`."""
