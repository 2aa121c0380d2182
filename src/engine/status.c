/* How the daemon is, as JSON. */
#include "status.h"

#include <unistd.h>

#include "config.h"
#include "incidents.h"
#include "view/view.h"

static json_t *process_list(const struct engine *engine)
{
	json_t *list = json_array();
	json_array_append_new(list, json_pack("{s:s, s:i, s:i}", "name", "parent", "pid",
					      (int)getppid(), "restarts", 0));
	for (unsigned i = 0; i < engine->process_count; i++) {
		const struct engine_process *process = &engine->processes[i];
		json_array_append_new(list, json_pack("{s:s, s:i, s:I}", "name", process->name,
						      "pid", process->pid, "restarts",
						      (json_int_t)process->restarts));
	}
	return list;
}

static json_t *events_object(const struct engine *engine)
{
	const struct engine_events *events = &engine->events;
	return json_pack("{s:s, s:b, s:b, s:o, s:I, s:I}", "source",
			 events->reader != NULL ? "kernel" : "sweep", "tcp",
			 (events->sources & OBSERVE_EVENTS_TCP) != 0, "udp",
			 (events->sources & OBSERVE_EVENTS_UDP_BIND) != 0, "reason",
			 view_string(events->reason), "received", (json_int_t)events->received,
			 "lost", (json_int_t)events->lost);
}

static json_t *policy_object(const struct engine *engine)
{
	const struct engine_policy *policy = &engine->policy;
	return json_pack("{s:o, s:b, s:i, s:o, s:o}", "file", view_string(engine->setup.policy),
			 "declared", policy->declared, "declarations",
			 (int)policy->policy.declarations.count, "read", view_time(policy->read),
			 "fault", view_string(policy->fault));
}

static json_t *number_or_null(uint32_t number)
{
	return number == 0 ? json_null() : json_integer((json_int_t)number);
}

static json_t *contradiction_list(const struct engine_rules *rules)
{
	json_t *list = json_array();
	for (size_t i = 0; i < rules->contradiction_count; i++) {
		json_array_append_new(list, view_contradiction(&rules->contradictions[i]));
	}
	return list;
}

static json_t *rules_object(const struct engine *engine)
{
	const struct wire_rules *rules = &engine->rules.state;
	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:I, s:o}", "watched",
			 rules->watched, "reason", view_string(rules->reason), "confirmed",
			 number_or_null(rules->state), "since", view_time(rules->since), "user",
			 view_string(rules->user), "source", view_string(rules->source),
			 "candidate", number_or_null(rules->candidate), "candidate_until",
			 view_time(rules->candidate_until), "lost", rules->lost, "altered",
			 rules->altered, "restored", (json_int_t)rules->restored, "contradictions",
			 contradiction_list(&engine->rules));
}

static json_t *sweep_object(const struct engine *engine)
{
	const struct engine_sweep *sweep = &engine->sweep;
	return json_pack("{s:I, s:I, s:o, s:I, s:I}", "count", (json_int_t)sweep->count, "failures",
			 (json_int_t)sweep->failures, "time",
			 view_time(engine->known ? engine->inventory.time : 0), "cost_us",
			 (json_int_t)sweep->last_cost, "interval_us", (json_int_t)sweep->interval);
}

static json_t *store_object(const struct engine *engine)
{
	const struct engine_record *record = &engine->record;
	struct store_summary summary = { 0 };
	const uint64_t unstored = record->state.unstored + (record->writable ? 0 : record->refused);
	(void)store_summary(&summary, engine->state, NULL); /* zeros where it cannot be read */
	return json_pack("{s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:I}", "directory",
			 engine->setup.state_directory, "writable", record->writable, "fault",
			 view_string(record->state.fault), "written_id",
			 (json_int_t)record->state.written_id, "unstored", (json_int_t)unstored,
			 "days", (json_int_t)summary.days, "days_damaged",
			 (json_int_t)summary.aside, "bytes", (json_int_t)summary.bytes);
}

json_t *status_document(struct engine *engine, usec_t now)
{
	json_t *document = view_document(now);
	json_object_set_new(document, "version", json_string(MINATO_VERSION));
	json_object_set_new(document, "started", view_time(engine->setup.started));
	json_object_set_new(document, "hostname",
			    view_string(engine->known ? engine->inventory.hostname : NULL));
	json_object_set_new(document, "runtime_directory",
			    view_string(engine->setup.runtime_directory));
	json_object_set_new(document, "processes", process_list(engine));
	json_object_set_new(document, "events", events_object(engine));
	json_object_set_new(document, "policy", policy_object(engine));
	json_object_set_new(document, "rules", rules_object(engine));
	json_object_set_new(document, "sentry", incidents_status(engine, now));
	json_object_set_new(document, "devices", devices_status(engine, now));
	json_object_set_new(document, "sweep", sweep_object(engine));
	json_object_set_new(document, "store", store_object(engine));
	json_object_set_new(document, "listeners",
			    engine->known
				    ? json_integer((json_int_t)engine->inventory.listeners.count)
				    : json_null());
	json_object_set_new(document, "findings",
			    json_integer((json_int_t)engine->findings.list.count));
	json_object_set_new(document, "coverage",
			    engine->known ? view_coverage(&engine->inventory) : json_null());
	return document;
}
