/* Declared programs in the words of the policy. */
#include <string.h>

#include "guard/guard.h"
#include "guard/program.h"

bool program_is_given(const struct policy_program *program)
{
	return program->unit != NULL || program->executable != NULL || program->user != NULL ||
	       program->container != NULL;
}

void program_format(struct str *out, const struct policy_program *program)
{
	const struct {
		const char *key, *value;
	} parts[] = { { "unit", program->unit },
		      { "executable", program->executable },
		      { "user", program->user },
		      { "container", program->container } };
	const char *comma = "";
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].value != NULL) {
			str_printf(out, "%s%s: %s", comma, parts[i].key, parts[i].value);
			comma = ", ";
		}
	}
}

void guard_programs_format(struct str *out, const struct policy *policy, enum protocol protocol,
			   uint16_t port)
{
	const struct policy_declaration *declaration = NULL;
	const char *bar = "";
	while ((declaration = policy_declaration_for(policy, protocol, port, NULL, declaration))) {
		if (program_is_given(&declaration->program)) {
			str_add(out, bar);
			program_format(out, &declaration->program);
			bar = " | ";
		}
	}
}
