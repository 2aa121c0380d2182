/* What is worth a line of what speaks at open ports. */
#include "audit.h"
#include "words.h"

/* What the number is for, in a word. */
static const char *usual_title(const struct identity *identity, const struct context *context)
{
	const struct port_knowledge *usual =
		catalog_port((enum protocol)identity->protocol, identity->port);
	return usual == NULL ? "" : text_in(usual->title, context->language);
}

static void add_sentence(struct str *out, enum audit_service_finding finding,
			 const struct identity *identity, const struct context *context)
{
	const struct port_knowledge *known = audit_service_knowledge(identity);
	const char *title = known == NULL ? identity_service(identity)
					  : text_in(known->title, context->language);
	const unsigned port = identity->port;
	const char *protocol = protocol_name((enum protocol)identity->protocol);
	switch (finding) {
	case AUDIT_SERVICE_WITHOUT_LOGIN:
		str_printf(out, _("  ! %u/%s answers as %s without login\n"), port, protocol,
			   title);
		break;
	case AUDIT_SERVICE_OTHER:
		str_printf(out, _("  ! %u/%s answers as %s, where %s is usual\n"), port, protocol,
			   title, usual_title(identity, context));
		break;
	case AUDIT_SERVICE_PLAIN:
		str_printf(out, _("  ! %u/%s answers as %s in plain text, where TLS is usual\n"),
			   port, protocol, title);
		break;
	case AUDIT_SERVICE_SMB1:
		str_printf(out, _("  ! %u/%s still offers SMB1, which protects nothing\n"), port,
			   protocol);
		break;
	default:
		str_printf(out,
			   _("  ! %u/%s shows its desktop login to everybody: Network Level "
			     "Authentication is not required\n"),
			   port, protocol);
	}
	if (known != NULL && finding != AUDIT_SERVICE_OTHER && finding != AUDIT_SERVICE_PLAIN) {
		str_add(out, "    ");
		text_wrap(out, text_in(known->measure, context->language), context->columns, 4);
		str_add_char(out, '\n');
	}
}

static void add_findings(struct str *out, const struct identity *identity,
			 const struct context *context)
{
	const unsigned findings = audit_judge_service(identity);
	for (unsigned bit = 0; bit < AUDIT_SERVICE_FINDINGS; bit++) {
		if ((findings & 1U << bit) != 0) {
			add_sentence(out, (enum audit_service_finding)(1U << bit), identity,
				     context);
		}
	}
}

void audit_services_add(struct str *out, const struct audit_target *target,
			const struct audit_parts *parts, const struct context *context)
{
	size_t open = 0, asked = 0;
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		for (size_t k = 0; part->target == target && k < part->identity_count; k++) {
			add_findings(out, &part->identities[k], context);
		}
		for (size_t k = 0; part->target == target && k < part->row_count; k++) {
			open += part->rows[k].state == SWEEP_OPEN;
		}
		asked += part->target == target ? part->identity_count : 0;
	}
	if (target->services_fault.code != 0) {
		str_printf(out, _("  what speaks there is not known: %s\n"),
			   err_text(&target->services_fault));
	} else if (asked > 0 && open > asked) {
		str_printf(out, _("  what speaks there was asked of the first %zu open ports\n"),
			   asked);
	}
}
