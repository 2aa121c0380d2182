/* From where people are logged in: logind's sessions, and utmp. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <utmpx.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/str.h"
#include "defend/defend.h"

enum { SESSIONS_MAX = 4096, SESSION_BYTES = 4096, UTMP_BYTES_MAX = 4 << 20 };

static void closedirp(DIR **directory)
{
	if (*directory != NULL) {
		(void)closedir(*directory); /* read only */
	}
}

/* sd-login(3) reads the same files: the library would bring D-Bus into a process with rights.
 * @return 0 there is none: the folder is there also where nobody writes to it (no logind, or no
 * pam_systemd in front of sshd); enum defend_logins; negative errno. */
static int read_sessions(struct defend_facts *facts, const char *path, usec_t now)
{
	_cleanup_(closedirp) DIR *directory = opendir(path);
	const struct dirent *entry;
	unsigned looked = 0;
	int known = 0;
	int r = 0;
	while (directory != NULL && r >= 0 && looked++ < SESSIONS_MAX &&
	       (entry = readdir(directory)) != NULL) {
		char text[SESSION_BYTES];
		if (entry->d_name[0] != '.' &&
		    file_read_into(text, sizeof(text), dirfd(directory), entry->d_name) > 0) {
			r = defend_session_parse(facts, text, now);
			known = known == DEFEND_LOGINS_UNKNOWN ? known : r;
		}
	}
	return r < 0 ? r : known;
}

/* @return whether it has somebody, from here or elsewhere: sshd of today writes to none. */
static int read_utmp(struct defend_facts *facts, const char *path, usec_t now)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t length = 0;
	if (file_read(&bytes, &length, path, UTMP_BYTES_MAX, NULL) < 0) {
		return 0;
	}
	int r = 0;
	bool somebody = false;
	for (size_t at = 0; r == 0 && at + sizeof(struct utmpx) <= length;
	     at += sizeof(struct utmpx)) {
		struct utmpx entry;
		static const int32_t none[4];
		memcpy(&entry, bytes + at, sizeof(entry));
		somebody = somebody || entry.ut_type == USER_PROCESS;
		if (entry.ut_type != USER_PROCESS ||
		    memcmp(entry.ut_addr_v6, none, sizeof(none)) == 0) {
			continue;
		}
		const bool ipv4 = memcmp(&entry.ut_addr_v6[1], none, 12) == 0;
		const struct addr address =
			ipv4 ? addr_from_ipv4(entry.ut_addr_v6) : addr_from_ipv6(entry.ut_addr_v6);
		r = defend_facts_add(facts, &address, DEFEND_ADMIN, now);
	}
	return r < 0 ? r : somebody;
}

int defend_logins_read(struct defend_facts *facts, const char *root, usec_t now, struct err *e)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/run/systemd/sessions", root);
	const int sessions = read_sessions(facts, path, now);
	(void)snprintf(path, sizeof(path), "%s/run/utmp", root);
	const int utmp = sessions < 0 ? sessions : read_utmp(facts, path, now);
	if (utmp < 0) {
		return err_system(e, utmp, "cannot read who is logged in");
	}
	return sessions == DEFEND_LOGINS_KNOWN || (sessions == 0 && utmp > 0)
		       ? DEFEND_LOGINS_KNOWN
		       : DEFEND_LOGINS_UNKNOWN;
}
