/* Which settings count for which service of an inventory, and when a service is asked. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "measures.h"
#include "move.h"
#include "temporary.h"

/* ---- what the rest of the program does ---- */

static const char *etc;
static unsigned asked;

const char *moving_etc(void)
{
	return etc;
}

bool measure_service_speaks(const struct port_knowledge *service)
{
	return strcmp(service->name, "http") == 0;
}

int measure_service_ask(struct measure_answer *out, const struct measure_place *place,
			const struct identity *identity, struct err *e)
{
	(void)identity, (void)e;
	char text[ADDR_TEXT_BYTES];
	assert_int_equal(place->port, 80);
	assert_string_equal(addr_format(&place->address, text), "127.0.0.1");
	out->told[MEASURE_ASK_REDIRECT] = MEASURE_TOLD_YES;
	asked++;
	return 0;
}

int measures_page_recall(char out[MEASURE_DIGEST_BYTES], uint16_t port)
{
	(void)out, (void)port;
	return -1;
}

int measures_page_remember(uint16_t port, const char *digest, struct err *e)
{
	(void)port, (void)digest, (void)e;
	return -1;
}

/* ---- a host ---- */

static void write_file(const struct temporary *t, const char *name, const char *text)
{
	const int fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* @param name  NULL = nobody sees who holds it. */
static struct listener *add(struct inventory *inventory, const char *address, uint16_t port,
			    const char *name, const char *arguments)
{
	struct listener *l = vec_push(&inventory->listeners);
	*l = (struct listener){ .protocol = PROTOCOL_TCP, .port = port };
	assert_int_equal(addr_parse(&l->address, address), 0);
	if (name != NULL) {
		struct process *p = vec_push(&inventory->processes);
		*p = (struct process){ .pid = 100 + (int)inventory->processes.count,
				       .name = name,
				       .arguments = arguments };
		struct owner *o = vec_push(&inventory->owners);
		*o = (struct owner){ .listener = (uint32_t)inventory->listeners.count - 1,
				     .process = (uint32_t)inventory->processes.count - 1 };
		l->ownership = OWNERSHIP_OWNED;
		l->first_owner = (uint32_t)inventory->owners.count - 1;
		l->owner_count = 1;
	}
	return l;
}

static const struct measure_result *result_of(const struct measures *measures, uint16_t port,
					      enum measure_id id)
{
	for (size_t i = 0; i < measures->list.count; i++) {
		const struct measured *m = &measures->list.items[i];
		for (size_t k = 0; m->port == port && k < m->count; k++) {
			if (m->results[k].id == id) {
				return &m->results[k];
			}
		}
	}
	return NULL;
}

/* ---- tests ---- */

static void test_whose_settings_count(void **state)
{
	const struct temporary *t = *state;
	struct inventory inventory;
	struct measures measures;
	char arguments[512];
	etc = t->path;
	assert_int_equal(mkdirat(t->fd, "ssh", 0700), 0);
	write_file(t, "ssh/sshd_config", "PasswordAuthentication no\n");
	write_file(t, "own", "PasswordAuthentication yes\n");
	(void)snprintf(arguments, sizeof(arguments),
		       "sshd: /usr/sbin/sshd -D -f %s/own [listener] 0 of 10", t->path);
	static const struct {
		const char *name;
		bool own, activated;
		enum measure_state state;
		enum measure_reason reason;
	} cases[] = {
		{ "sshd", false, false, MEASURE_DONE, MEASURE_SETTING },
		{ "sshd", true, false, MEASURE_NOT_DONE, MEASURE_SETTING },
		{ "systemd", false, true, MEASURE_DONE, MEASURE_SETTING },
		{ "dropbear", false, false, MEASURE_CANNOT_TELL, MEASURE_NO_EVIDENCE },
		{ NULL, false, false, MEASURE_CANNOT_TELL, MEASURE_UNSEEN },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		inventory_init(&inventory, 0);
		add(&inventory, "0.0.0.0", 22, cases[i].name,
		    cases[i].own ? arguments : "/usr/sbin/sshd -D")
			->socket_activated = cases[i].activated;
		assert_int_equal(measures_find(&measures, &inventory, NULL, NULL), 0);
		const struct measure_result *r = result_of(&measures, 22, MEASURE_SSH_PASSWORD);
		assert_non_null(r);
		if (r->state != cases[i].state || r->reason != cases[i].reason) {
			fail_msg("%zu: %s %s", i, measure_state_name(r->state),
				 measure_reason_name(r->reason));
		}
		measures_deinit(&measures);
		inventory_deinit(&inventory);
	}
}

static void test_another_program_has_other_settings(void **state)
{
	(void)state;
	struct inventory inventory;
	struct measures measures;
	etc = "/nonexistent";
	inventory_init(&inventory, 0);
	add(&inventory, "0.0.0.0", 22, "honeypot", "honeypot");
	assert_int_equal(measures_find(&measures, &inventory, NULL, NULL), 0);
	assert_null(result_of(&measures, 22, MEASURE_SSH_PASSWORD));
	assert_non_null(result_of(&measures, 22, MEASURE_ADDRESS_LIMIT));
	measures_deinit(&measures);
	inventory_deinit(&inventory);
}

static void test_missing_settings_are_named(void **state)
{
	(void)state;
	struct inventory inventory;
	struct measures measures;
	etc = "/nonexistent";
	inventory_init(&inventory, 0);
	add(&inventory, "0.0.0.0", 22, "sshd", "sshd");
	assert_int_equal(measures_find(&measures, &inventory, NULL, NULL), 0);
	const struct measure_result *r = result_of(&measures, 22, MEASURE_SSH_PASSWORD);
	assert_int_equal(r->state, MEASURE_CANNOT_TELL);
	assert_non_null(strstr(r->detail, "/nonexistent/ssh/sshd_config"));
	measures_deinit(&measures);
	inventory_deinit(&inventory);
}

/* IPv4 and IPv6 of one service are one; what listens for this host alone needs no limit. */
static void test_sockets_of_one_service(void **state)
{
	(void)state;
	struct inventory inventory;
	struct measures measures;
	etc = "/nonexistent";
	inventory_init(&inventory, 0);
	add(&inventory, "127.0.0.1", 6379, "redis-server", "redis-server");
	add(&inventory, "::1", 6379, "redis-server", "redis-server");
	add(&inventory, "127.0.0.1", 3306, "mysqld", "mysqld");
	add(&inventory, "192.0.2.1", 3306, "mysqld", "mysqld");
	assert_int_equal(measures_find(&measures, &inventory, NULL, NULL), 0);
	assert_int_equal(measures.list.count, 2);
	assert_int_equal(result_of(&measures, 6379, MEASURE_ADDRESS_LIMIT)->reason,
			 MEASURE_LOOPBACK);
	assert_int_equal(result_of(&measures, 3306, MEASURE_ADDRESS_LIMIT)->state,
			 MEASURE_CANNOT_TELL);
	measures_deinit(&measures);
	inventory_deinit(&inventory);
}

static void test_who_is_asked(void **state)
{
	(void)state;
	struct inventory inventory;
	struct measures measures;
	struct measures_asking asking = { .fault = ERR_INIT };
	inventory_init(&inventory, 0);
	add(&inventory, "0.0.0.0", 80, "nginx", "nginx");
	add(&inventory, "0.0.0.0", 22, "dropbear", "dropbear");
	asked = 0;
	assert_int_equal(measures_find(&measures, &inventory, NULL, NULL), 0);
	assert_int_equal(result_of(&measures, 80, MEASURE_HTTP_REDIRECT)->reason,
			 MEASURE_NOT_ASKED);
	measures_deinit(&measures);
	/* Other ports than the ones that were named are left alone, and who says nothing more. */
	portset_add(&asking.ports, 22);
	assert_int_equal(measures_find(&measures, &inventory, NULL, &asking), 0);
	measures_deinit(&measures);
	assert_int_equal(asked, 0);
	portset_add(&asking.ports, 80);
	assert_int_equal(measures_find(&measures, &inventory, NULL, &asking), 0);
	assert_int_equal(asked, 1);
	assert_int_equal(result_of(&measures, 80, MEASURE_HTTP_REDIRECT)->state, MEASURE_DONE);
	measures_deinit(&measures);
	inventory_deinit(&inventory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whose_settings_count, temporary_setup,
						temporary_teardown),
		cmocka_unit_test(test_another_program_has_other_settings),
		cmocka_unit_test(test_missing_settings_are_named),
		cmocka_unit_test(test_sockets_of_one_service),
		cmocka_unit_test(test_who_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
