/* Which users the children become. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fnv.h"
#include "base/io/account.h"
#include "base/parse.h"
#include "daemon.h"

/* systemd's range for dynamic users (systemd UIDS-GIDS.md): no distribution gives these out. */
enum {
	DYNAMIC_FIRST = 61184,
	DYNAMIC_LAST = 65519,
};

static void closedirp(DIR **directory)
{
	if (*directory != NULL) {
		(void)closedir(*directory);
	}
}

static int group_find(gid_t *out, const char *word, struct err *e)
{
	uint64_t number = 0;
	const struct group *group = getgrnam(word);
	if (group != NULL) {
		*out = group->gr_gid;
	} else if (parse_u64(&number, word, 0, UINT32_MAX - 1) == 0) {
		*out = (gid_t)number;
	} else {
		return err_set(e, ENOENT, "there is no group \"%s\"", word);
	}
	return 0;
}

static int user_find(struct identity *out, const char *word, struct err *e)
{
	uint64_t number = 0;
	const struct passwd *user = getpwnam(word);
	if (user != NULL) {
		*out = (struct identity){ user->pw_uid, user->pw_gid };
	} else if (parse_u64(&number, word, 0, UINT32_MAX - 1) == 0) {
		user = getpwuid((uid_t)number);
		*out = (struct identity){ (uid_t)number,
					  user != NULL ? user->pw_gid : (gid_t)number };
	} else {
		return err_set(e, ENOENT, "there is no user \"%s\"", word);
	}
	if (out->uid == 0 || out->gid == 0) {
		return err_set(e, EINVAL, "\"%s\" has root's rights: choose another user", word);
	}
	return 0;
}

/* Whether some process runs under it now: another daemon of ours, or a dynamic user of systemd's.
 */
static bool in_use(uid_t uid)
{
	_cleanup_(closedirp) DIR *proc = opendir("/proc");
	const struct dirent *entry;
	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		struct stat status;
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    fstatat(dirfd(proc), entry->d_name, &status, 0) == 0 && status.st_uid == uid) {
			return true;
		}
	}
	return false;
}

static bool is_free(uid_t uid)
{
	char lock[64];
	(void)snprintf(lock, sizeof(lock), "/run/systemd/dynamic-uid/%u", uid);
	return getpwuid(uid) == NULL && getgrgid(uid) == NULL && access(lock, F_OK) < 0 &&
	       !in_use(uid);
}

/* Begins at a place made of the path, so that the same daemon finds the same ids again. */
static int find_free(uid_t *out, unsigned count, const char *path, struct err *e)
{
	const uint32_t hash = fnv32_add(FNV32_BEGIN, path, strlen(path));
	const uint32_t room = DYNAMIC_LAST - DYNAMIC_FIRST + 1;
	unsigned found = 0;
	for (uint32_t i = 0; i < room && found < count; i++) {
		const uid_t uid = DYNAMIC_FIRST + (hash + i) % room;
		if (is_free(uid)) {
			out[found++] = uid;
		}
	}
	return found == count ? 0 : err_set(e, EBUSY, "every dynamic user id is taken");
}

static int choose(struct identity *out, const char *asked, const char *usual, uid_t spare,
		  struct err *e)
{
	if (asked != NULL || getpwnam(usual) != NULL) {
		return user_find(out, asked != NULL ? asked : usual, e);
	}
	*out = (struct identity){ spare, spare };
	return 0;
}

/* In a user namespace of somebody without rights: the processes are parted by what they may call
 * alone. */
static void identities_alone(struct identities *out)
{
	const struct identity own = { geteuid(), getegid() };
	out->engine = out->face = out->sentry = out->decoy = own;
	out->readers = own.gid;
}

int identities_find(struct identities *out, const struct options *options, struct err *e)
{
	uid_t spare[4];
	if (account_is_alone()) {
		identities_alone(out);
		return 0;
	}
	int r = find_free(spare, sizeof(spare) / sizeof(spare[0]), options->runtime_directory, e);
	if (r == 0) {
		r = choose(&out->engine, options->user_engine, "_minato", spare[0], e);
	}
	if (r == 0) {
		r = choose(&out->face, options->user_face, "_minato-face", spare[1], e);
	}
	if (r == 0) {
		r = choose(&out->sentry, options->user_sentry, "_minato-sentry", spare[2], e);
	}
	if (r == 0) {
		r = choose(&out->decoy, NULL, "_minato-decoy", spare[3], e);
	}
	if (r < 0) {
		return r;
	}
	if (out->engine.uid == out->face.uid || out->engine.uid == out->sentry.uid ||
	    out->face.uid == out->sentry.uid) {
		return err_set(e, EINVAL,
			       "engine, face and sentry need different users: who takes one over "
			       "must not have the others");
	}
	/* Without such a group the pins are for root and the engine alone. */
	out->readers = out->engine.gid;
	if (options->group != NULL || getgrnam("minato") != NULL) {
		return group_find(&out->readers, options->group != NULL ? options->group : "minato",
				  e);
	}
	return 0;
}
