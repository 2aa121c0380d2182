/* What the bind guard says of itself, in words and for machines. */
#include "guard_text.h"

#include "view/view.h"
#include "words.h"

static void add_counters(struct str *out, const struct guard_status *status)
{
	str_printf(out,
		   _("%llu binds fitted, %llu were refused, %llu did not fit and went "
		     "through\n"),
		   (unsigned long long)status->allowed, (unsigned long long)status->refused,
		   (unsigned long long)status->watched);
	if (status->lost > 0) {
		str_printf(out,
			   _("%llu of them are counted only: nobody read the records in "
			     "time\n"),
			   (unsigned long long)status->lost);
	}
}

void guard_add_status(struct str *out, const struct guard_status *status)
{
	if (!status->loaded) {
		str_add(out, _("bind guard: off\n"));
		return;
	}
	if (status->outdated) {
		str_add(out, _("bind guard: on, of another version of minato\n"));
		return;
	}
	str_add(out, status->mode == GUARD_ENFORCE ? _("bind guard: on, refuses; ")
						   : _("bind guard: on, watches only; "));
	add_counted(out, status->rules, _("%u rule"), _("%u rules"));
	add_counted(out, status->ports, _(" for %u port"), _(" for %u ports"));
	str_add_char(out, '\n');
	if (!status->attached) {
		str_add(out, _("but its cgroup is gone, so nothing is guarded\n"));
	}
	if (!status->here) {
		str_add(out, _("it guards another network namespace than this one\n"));
	}
	add_counters(out, status);
}

static const char *sentence(enum guard_note_kind kind)
{
	static const char *const sentences[] = {
		[GUARD_NOTE_SPARED] = N_("watched only: somebody could be locked out "
					 "(--even-never-cut refuses too)"),
		[GUARD_NOTE_NO_USER] = N_("watched only: this host has no such user"),
		[GUARD_NOTE_NO_EXECUTABLE] =
			N_("watched only: the folder of the executable does not exist"),
		[GUARD_NOTE_NO_CONTAINER] =
			N_("watched only: no container of that name is known; after it was made, "
			   "minato apply again"),
		[GUARD_NOTE_TOO_LONG] = N_("watched only: a name too long to compare"),
		[GUARD_NOTE_PROTOCOL] = N_("not guarded where it is neither TCP nor UDP"),
		[GUARD_NOTE_TOO_MANY] =
			N_("not guarded: too many programs, or another declaration lets "
			   "anybody bind"),
		[GUARD_NOTE_WEAK] = N_("weak: everybody may start this executable and load code "
				       "into it; add unit: or user:"),
		[GUARD_NOTE_CONTAINER] =
			N_("told by the container alone: what else program: names lies inside "
			   "of it"),
	};
	return _(sentences[kind]);
}

void guard_add_notes(struct str *out, const struct guard_table *table)
{
	for (size_t i = 0; i < table->notes.count; i++) {
		const struct guard_note *note = &table->notes.items[i];
		str_add(out, "  ");
		text_escape(out, note->declaration->entry.name);
		str_printf(out, ": %s\n", sentence(note->kind));
	}
}

void guard_add_loaded(struct str *out, const struct guard_status *status,
		      const struct guard_table *table, bool too_many)
{
	guard_add_status(out, status);
	guard_add_notes(out, table);
	if (too_many) {
		str_add(out, _("The guarded ports are too much of the ephemeral range to keep "
			       "the kernel from picking one of them by itself.\n"));
	}
}

json_t *guard_json(const struct guard_status *status, const struct context *context)
{
	json_t *document = view_document(context->now);
	char made[TIME_TEXT_BYTES];
	json_t *guard = json_pack("{s:b, s:b, s:b, s:b}", "loaded", status->loaded, "attached",
				  status->attached, "this_namespace", status->here, "outdated",
				  status->outdated);
	if (status->loaded && !status->outdated) {
		(void)json_object_update_new(
			guard, json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I}", "mode",
					 guard_mode_name(status->mode), "made",
					 time_format(status->made, made), "rule_count",
					 (int)status->rules, "port_count", (int)status->ports,
					 "fitting_count", (json_int_t)status->allowed,
					 "refused_count", (json_int_t)status->refused,
					 "watched_count", (json_int_t)status->watched, "lost_count",
					 (json_int_t)status->lost));
	}
	(void)json_object_set_new(document, "guard", guard); /* view_print tells of what lacks */
	return document;
}
