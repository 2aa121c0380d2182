/* measure: settings of sshd as sshd takes them, keys, and every verdict. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "check.h"
#include "measure/measure.h"

/* ---- sshd_config ---- */

/* Files that an Include finds, by pattern; "closed.conf" may not be read. */
struct file {
	const char *pattern, *path, *text;
};

static const struct file files[] = {
	{ "d/*.conf", "d/10.conf",
	  "PermitRootLogin no\nMatch User alice\n PasswordAuthentication yes\n" },
	{ "d/*.conf", "d/20.conf", "PermitRootLogin yes\nPasswordAuthentication no\n" },
	{ "match.conf", "match.conf", "Match all\nPermitRootLogin yes\n" },
	{ "loop.conf", "loop.conf", "Include loop.conf\n" },
	{ "inside.conf", "inside.conf", "PasswordAuthentication yes\n" },
};

static int include(struct measure_sshd *sshd, const char *pattern, void *data)
{
	int r = 0;
	if (strcmp(pattern, "closed.conf") == 0) {
		measure_sshd_skip(sshd, pattern);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && r == 0; i++) {
		if (strcmp(files[i].pattern, pattern) == 0) {
			r = measure_sshd_read(sshd, files[i].path, files[i].text, include, data);
		}
	}
	return r;
}

static void test_settings(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum measure_sshd_keyword keyword;
		const char *value;
		unsigned line; /* 0 = nobody says it */
		unsigned faults;
	} cases[] = {
		{ "", MEASURE_SSHD_ROOT_LOGIN, "prohibit-password", 0, 0 },
		{ "", MEASURE_SSHD_PASSWORD, "yes", 0, 0 },
		{ "", MEASURE_SSHD_PAM, "no", 0, 0 },
		{ "PermitRootLogin yes\n", MEASURE_SSHD_ROOT_LOGIN, "yes", 1, 0 },
		{ "# a\n\n  permitrootlogin\tno # why\n", MEASURE_SSHD_ROOT_LOGIN, "no", 3, 0 },
		{ "#PermitRootLogin yes\n", MEASURE_SSHD_ROOT_LOGIN, "prohibit-password", 0, 0 },
		{ "PermitRootLogin=yes", MEASURE_SSHD_ROOT_LOGIN, "yes", 1, 0 },
		{ "PermitRootLogin = \"yes\"\r\n", MEASURE_SSHD_ROOT_LOGIN, "yes", 1, 0 },
		{ "\"PermitRootLogin\" 'yes'\n", MEASURE_SSHD_ROOT_LOGIN, "yes", 1, 0 },
		/* The first one counts. */
		{ "PermitRootLogin no\nPermitRootLogin yes\n", MEASURE_SSHD_ROOT_LOGIN, "no", 1,
		  0 },
		{ "Port 22\nPort 2222\nPort 22022\nPasswordAuthentication no\n",
		  MEASURE_SSHD_PASSWORD, "no", 4, 0 },
		{ "ChallengeResponseAuthentication no\nKbdInteractiveAuthentication yes\n",
		  MEASURE_SSHD_KEYBOARD, "no", 1, 0 },
		{ "AuthenticationMethods publickey,password  publickey\n", MEASURE_SSHD_METHODS,
		  "publickey,password publickey", 1, 0 },
		/* Wrong lines are passed over. */
		{ "PermitRootLogin\nPermitRootLogin no\n", MEASURE_SSHD_ROOT_LOGIN, "no", 2, 1 },
		{ "PermitRootLogin \"yes\nPermitRootLogin no\n", MEASURE_SSHD_ROOT_LOGIN, "no", 2,
		  1 },
		{ "Include \"x\nPermitRootLogin no\n", MEASURE_SSHD_ROOT_LOGIN, "no", 2, 1 },
		{ "PermitRootLogin \x1b[2J\n", MEASURE_SSHD_ROOT_LOGIN, "?[2J", 1, 0 },
		/* Match */
		{ "Match User bob\nPermitRootLogin yes\n", MEASURE_SSHD_ROOT_LOGIN,
		  "prohibit-password", 0, 0 },
		{ "Match all\nPermitRootLogin yes\n", MEASURE_SSHD_ROOT_LOGIN, "yes", 2, 0 },
		{ "PermitRootLogin no\nMatch all\nPermitRootLogin yes\nMatch all\nPermitRootLogin "
		  "no\n",
		  MEASURE_SSHD_ROOT_LOGIN, "yes", 3, 0 },
		{ "Match all\nUsePAM yes\n", MEASURE_SSHD_PAM, "no", 0, 1 },
		/* Include */
		{ "Include d/*.conf\nPermitRootLogin yes\n", MEASURE_SSHD_ROOT_LOGIN, "no", 1, 0 },
		{ "Include d/*.conf\n", MEASURE_SSHD_PASSWORD, "no", 2, 0 },
		{ "Include match.conf\nPasswordAuthentication no\n", MEASURE_SSHD_PASSWORD, "no", 2,
		  0 },
		{ "Include match.conf\n", MEASURE_SSHD_ROOT_LOGIN, "yes", 2, 0 },
		{ "Include none.conf d/*.conf\n", MEASURE_SSHD_ROOT_LOGIN, "no", 1, 0 },
		{ "Match User bob\nInclude inside.conf\nMatch all\nPasswordAuthentication no\n",
		  MEASURE_SSHD_PASSWORD, "no", 4, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct measure_sshd sshd;
		measure_sshd_init(&sshd);
		assert_int_equal(measure_sshd_read(&sshd, "main", cases[i].text, include, NULL), 0);
		const struct measure_setting *value = &sshd.values[cases[i].keyword];
		if (strcmp(value->text, cases[i].value) != 0 || value->line != cases[i].line ||
		    value->said != (cases[i].line > 0) || sshd.faults != cases[i].faults) {
			fail_msg("%s: \"%s\" in line %u, %u faults", cases[i].text, value->text,
				 value->line, sshd.faults);
		}
	}
	struct measure_sshd sshd;
	measure_sshd_init(&sshd);
	assert_int_equal(measure_sshd_read(&sshd, "main", "Include loop.conf\n", include, NULL),
			 -ELOOP);
}

static void test_command_line_comes_first(void **state)
{
	(void)state;
	struct measure_sshd sshd;
	measure_sshd_init(&sshd);
	measure_sshd_option(&sshd, "PermitRootLogin=yes");
	assert_int_equal(measure_sshd_read(&sshd, "main", "PermitRootLogin no\n", NULL, NULL), 0);
	assert_string_equal(sshd.values[MEASURE_SSHD_ROOT_LOGIN].text, "yes");
	assert_string_equal(sshd.values[MEASURE_SSHD_ROOT_LOGIN].path, "");
}

static void test_host_keys_are_listed(void **state)
{
	(void)state;
	struct measure_sshd sshd;
	struct str many = STR_INIT(4096);
	measure_sshd_init(&sshd);
	for (int i = 0; i < 60; i++) {
		str_add(&many, "HostKey \"/etc/a b/key\"\n");
	}
	assert_int_equal(measure_sshd_read(&sshd, "main", str_text(&many), NULL, NULL), 0);
	str_deinit(&many);
	assert_int_equal(sshd.key_count, MEASURE_KEYS_MAX);
	assert_string_equal(sshd.keys[3].path, "/etc/a b/key");
}

/* ---- keys ---- */

/* Made by ssh-keygen for this test. */
#define RSA_1024                                                                                   \
	"ssh-rsa "                                                                                 \
	"AAAAB3NzaC1yc2EAAAADAQABAAAAgQDL4GJTUrI793OYO+rFqnBJMvjRM5dxZjeitMo0RFdyDTy+WOM2"         \
	"G5y/gD5LcukFZuLsENcffGgHVmNR0lIizE6NFZkCqsH8H5rJOcSP2zJLx3WhSCTv5xJh0zrhBQ9bt19y"         \
	"OIgtQMVqp889lLoL2S40ybiKqK95eRhEwPEaZGsl8w=="
#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKu+KaaJWJ69tA5xoHj8095kNHId9gTusO+7JLrG08A7"

static void test_public_keys(void **state)
{
	(void)state;
	struct measure_public_key key = { .bits = 7 };
	assert_int_equal(measure_public_key_parse(&key, RSA_1024 " root@host\n"), 0);
	assert_string_equal(key.type, "ssh-rsa");
	assert_int_equal(key.bits, 1024);
	assert_int_equal(measure_public_key_parse(&key, ED25519), 0);
	assert_string_equal(key.type, "ssh-ed25519");
	assert_int_equal(key.bits, 0);
	static const char *const wrong[] = {
		"",
		"ssh-rsa",
		"ssh-rsa ",
		"ssh-rsa !!!!",
		"ssh-rsa AAAA",
		"ssh-rsa AAAAB3NzaC1yc2E=",         /* the name alone */
		"ssh-rsa AAAAB3NzaC1yc2H/////",     /* a longer field than there is */
		"ssh-dss AAAAB3NzaC1yc2EAAAADAQAB", /* another name within */
		"-----BEGIN OPENSSH PRIVATE KEY-----",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(measure_public_key_parse(&key, wrong[i]), -EBADMSG);
	}
}

/* ---- verdicts ---- */

/* What becomes of a measure by a file of sshd. */
struct ssh_case {
	const char *text;
	enum measure_state state;
	enum measure_reason reason;
	const char *detail;
};

static void check_ssh(enum measure_id id, const struct ssh_case *cases, size_t count)
{
	static const struct measure_key_seen key = { "/k", { "ssh-ed25519", 0 } };
	for (size_t i = 0; i < count; i++) {
		struct measure_sshd sshd;
		struct measure_result result;
		const struct measure_evidence evidence = { .sshd = &sshd,
							   .keys = &key,
							   .key_count = 1 };
		measure_sshd_init(&sshd);
		assert_int_equal(measure_sshd_read(&sshd, "/f", cases[i].text, include, NULL), 0);
		measure_judge(&result, id, &evidence);
		if (result.state != cases[i].state || result.reason != cases[i].reason ||
		    strcmp(result.detail, cases[i].detail) != 0) {
			fail_msg("%s: %s, %s, %s", cases[i].text, measure_state_name(result.state),
				 measure_reason_name(result.reason), result.detail);
		}
	}
}

static void test_root_login(void **state)
{
	(void)state;
	static const struct ssh_case cases[] = {
		{ "", MEASURE_DONE, MEASURE_DEFAULT, "PermitRootLogin prohibit-password" },
		{ "PermitRootLogin no\n", MEASURE_DONE, MEASURE_SETTING,
		  "PermitRootLogin no, /f:1" },
		{ "PermitRootLogin without-password\n", MEASURE_DONE, MEASURE_SETTING,
		  "PermitRootLogin without-password, /f:1" },
		{ "PermitRootLogin yes\n", MEASURE_NOT_DONE, MEASURE_SETTING,
		  "PermitRootLogin yes, /f:1" },
		/* No password gets in, so root's does not either. */
		{ "PermitRootLogin yes\nPasswordAuthentication no\n", MEASURE_DONE, MEASURE_SETTING,
		  "PasswordAuthentication no, /f:2" },
		/* PAM asks for one all the same. */
		{ "PermitRootLogin yes\nPasswordAuthentication no\nUsePAM yes\n", MEASURE_NOT_DONE,
		  MEASURE_SETTING, "PermitRootLogin yes, /f:1" },
		{ "PermitRootLogin yes\nPasswordAuthentication no\nMatch Address 192.0.2.0/24\n"
		  "PasswordAuthentication yes\n",
		  MEASURE_NOT_DONE, MEASURE_EXCEPTION,
		  "Match Address 192.0.2.0/24: PasswordAuthentication yes, /f:4" },
		{ "PermitRootLogin no\nMatch Address 192.0.2.0/24\nPermitRootLogin yes\n",
		  MEASURE_NOT_DONE, MEASURE_EXCEPTION,
		  "Match Address 192.0.2.0/24: PermitRootLogin yes, /f:3" },
		/* For somebody else it says nothing of root. */
		{ "PermitRootLogin no\nMatch User bob,eve\nPermitRootLogin yes\n", MEASURE_DONE,
		  MEASURE_SETTING, "PermitRootLogin no, /f:1" },
		{ "PermitRootLogin no\nMatch User bob,root\nPermitRootLogin yes\n",
		  MEASURE_NOT_DONE, MEASURE_EXCEPTION,
		  "Match User bob,root: PermitRootLogin yes, /f:3" },
		{ "PermitRootLogin no\nMatch User *\nPermitRootLogin yes\n", MEASURE_NOT_DONE,
		  MEASURE_EXCEPTION, "Match User *: PermitRootLogin yes, /f:3" },
		/* What cannot be read may say anything, but not undo what stands before it. */
		{ "PermitRootLogin no\nInclude closed.conf\n", MEASURE_CANNOT_TELL,
		  MEASURE_UNREADABLE, "closed.conf" },
		{ "PermitRootLogin yes\nPasswordAuthentication yes\nInclude closed.conf\n",
		  MEASURE_NOT_DONE, MEASURE_SETTING, "PermitRootLogin yes, /f:1" },
		{ "Include closed.conf\nPermitRootLogin yes\n", MEASURE_CANNOT_TELL,
		  MEASURE_UNREADABLE, "closed.conf" },
	};
	check_ssh(MEASURE_SSH_ROOT_LOGIN, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_passwords(void **state)
{
	(void)state;
	static const struct ssh_case cases[] = {
		{ "", MEASURE_NOT_DONE, MEASURE_DEFAULT, "PasswordAuthentication yes" },
		{ "PasswordAuthentication no\n", MEASURE_DONE, MEASURE_SETTING,
		  "PasswordAuthentication no, /f:1" },
		{ "PasswordAuthentication no\nUsePAM yes\n", MEASURE_NOT_DONE, MEASURE_DEFAULT,
		  "KbdInteractiveAuthentication yes" },
		{ "PasswordAuthentication no\nUsePAM yes\nKbdInteractiveAuthentication no\n",
		  MEASURE_DONE, MEASURE_SETTING, "PasswordAuthentication no, /f:1" },
		{ "PasswordAuthentication no\nMatch Group wheel\nPasswordAuthentication yes\n",
		  MEASURE_NOT_DONE, MEASURE_EXCEPTION,
		  "Match Group wheel: PasswordAuthentication yes, /f:3" },
		{ "AuthenticationMethods publickey\n", MEASURE_DONE, MEASURE_SETTING,
		  "AuthenticationMethods publickey, /f:1" },
		{ "AuthenticationMethods publickey,password publickey,keyboard-interactive:pam\n",
		  MEASURE_DONE, MEASURE_SETTING,
		  "AuthenticationMethods publickey,password publickey,keyboard-interactive:pam, "
		  "/f:1" },
		{ "AuthenticationMethods publickey keyboard-interactive:pam,password\n",
		  MEASURE_NOT_DONE, MEASURE_DEFAULT, "PasswordAuthentication yes" },
		{ "PasswordAuthentication no\nInclude closed.conf\n", MEASURE_CANNOT_TELL,
		  MEASURE_UNREADABLE, "closed.conf" },
		{ "Include closed.conf\n", MEASURE_CANNOT_TELL, MEASURE_UNREADABLE, "closed.conf" },
	};
	check_ssh(MEASURE_SSH_PASSWORD, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_host_key_algorithms(void **state)
{
	(void)state;
	static const struct ssh_case cases[] = {
		{ "", MEASURE_DONE, MEASURE_KEYS, "ssh-ed25519" },
		{ "HostKeyAlgorithms +ssh-rsa\n", MEASURE_NOT_DONE, MEASURE_SETTING,
		  "HostKeyAlgorithms +ssh-rsa, /f:1" },
		{ "HostKeyAlgorithms ssh-ed25519,ssh-dss\n", MEASURE_NOT_DONE, MEASURE_SETTING,
		  "HostKeyAlgorithms ssh-ed25519,ssh-dss, /f:1" },
		{ "HostKeyAlgorithms -ssh-rsa,ssh-dss\n", MEASURE_DONE, MEASURE_KEYS,
		  "ssh-ed25519" },
		{ "HostKeyAlgorithms rsa-sha2-512,ssh-rsa-cert-v01@openssh.com\n", MEASURE_DONE,
		  MEASURE_KEYS, "ssh-ed25519" },
		{ "Include closed.conf\n", MEASURE_CANNOT_TELL, MEASURE_UNREADABLE, "closed.conf" },
	};
	check_ssh(MEASURE_SSH_HOST_KEYS, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_host_key_sizes(void **state)
{
	(void)state;
	static const struct {
		struct measure_key_seen keys[2];
		enum measure_state state;
		const char *detail;
	} cases[] = {
		{ { { "/a", { "ssh-rsa", 3072 } }, { "/b", { "ssh-ed25519", 0 } } },
		  MEASURE_DONE,
		  "ssh-rsa 3072, ssh-ed25519" },
		{ { { "/a", { "ssh-ed25519", 0 } }, { "/b", { "ssh-rsa", 2047 } } },
		  MEASURE_NOT_DONE,
		  "ssh-rsa 2047, /b" },
		{ { { "/a", { "ssh-rsa", 2048 } }, { "/b", { "ssh-dss", 0 } } },
		  MEASURE_DONE,
		  "ssh-rsa 2048, ssh-dss" },
	};
	struct measure_sshd sshd;
	struct measure_result result;
	measure_sshd_init(&sshd);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		measure_judge(&result, MEASURE_SSH_HOST_KEYS,
			      &(struct measure_evidence){
				      .sshd = &sshd, .keys = cases[i].keys, .key_count = 2 });
		assert_int_equal(result.state, cases[i].state);
		assert_string_equal(result.detail, cases[i].detail);
	}
	measure_judge(&result, MEASURE_SSH_HOST_KEYS, &(struct measure_evidence){ .sshd = &sshd });
	assert_int_equal(result.state, MEASURE_CANNOT_TELL);
}

static int include_smb(struct measure_smb *smb, const char *path, void *data)
{
	if (strcmp(path, "/closed") == 0) {
		measure_smb_skip(smb, path);
		return 0;
	}
	return measure_smb_read(smb, path,
				strcmp(path, "/loop") == 0 ? "include = /loop\n"
							   : "[global]\nsmb encrypt = required\n",
				include_smb, data);
}

static void test_samba(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum measure_id id;
		enum measure_state state;
		const char *detail;
	} cases[] = {
		{ "", MEASURE_SMB_GUEST, MEASURE_DONE, "guest ok = no" },
		{ "", MEASURE_SMB_ENCRYPTION, MEASURE_NOT_DONE, "server smb encrypt = default" },
		{ "[global]\n  Server SMB Encrypt = mandatory\n", MEASURE_SMB_ENCRYPTION,
		  MEASURE_DONE, "server smb encrypt = mandatory, /f:2" },
		{ "[ Global ]\nsmb\tencrypt=desired \r\n", MEASURE_SMB_ENCRYPTION, MEASURE_NOT_DONE,
		  "server smb encrypt = desired, /f:2" },
		/* The last one counts, and those of a share are of it alone. */
		{ "[global]\nsmb encrypt = off\nsmb encrypt = required\n[a]\nsmb encrypt = off\n",
		  MEASURE_SMB_ENCRYPTION, MEASURE_DONE, "server smb encrypt = required, /f:3" },
		{ "[global]\nsmb encrypt \\\n = \\\nrequired\n[x]\nguest ok = yes\n",
		  MEASURE_SMB_GUEST, MEASURE_NOT_DONE, "[x] guest ok = yes, /f:6" },
		{ "[global]\nsmb encrypt \\\n = \\\nrequired\n", MEASURE_SMB_ENCRYPTION,
		  MEASURE_DONE, "server smb encrypt = required, /f:2" },
		{ "[a]\n;guest ok = yes\n# public = yes\nguest ok = no\n", MEASURE_SMB_GUEST,
		  MEASURE_DONE, "guest ok = no" },
		{ "[a]\nPUBLIC = True\n", MEASURE_SMB_GUEST, MEASURE_NOT_DONE,
		  "[a] guest ok = True, /f:2" },
		{ "[global]\ninclude = /more\n", MEASURE_SMB_ENCRYPTION, MEASURE_DONE,
		  "server smb encrypt = required, /more:2" },
		{ "[global]\nsmb encrypt = required\ninclude = /closed\n", MEASURE_SMB_ENCRYPTION,
		  MEASURE_CANNOT_TELL, "/closed" },
		{ "[a]\nguest ok = yes\ninclude = /closed\n", MEASURE_SMB_GUEST, MEASURE_NOT_DONE,
		  "[a] guest ok = yes, /f:2" },
		{ "include = /closed\n", MEASURE_SMB_GUEST, MEASURE_CANNOT_TELL, "/closed" },
		{ "[\n]\n[]\n=\n= yes\nguest ok\n", MEASURE_SMB_GUEST, MEASURE_DONE,
		  "guest ok = no" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct measure_smb smb;
		struct measure_result result;
		measure_smb_init(&smb);
		assert_int_equal(measure_smb_read(&smb, "/f", cases[i].text, include_smb, NULL), 0);
		measure_judge(&result, cases[i].id, &(struct measure_evidence){ .smb = &smb });
		if (result.state != cases[i].state || strcmp(result.detail, cases[i].detail) != 0) {
			fail_msg("%s: %s, %s", cases[i].text, measure_state_name(result.state),
				 result.detail);
		}
	}
	struct measure_smb smb;
	measure_smb_init(&smb);
	assert_int_equal(measure_smb_read(&smb, "/f", "include = /loop\n", include_smb, NULL),
			 -ELOOP);
}

static void test_address_limit(void **state)
{
	(void)state;
	static const struct {
		enum measure_reach reach;
		enum measure_state state;
		enum measure_reason reason;
	} cases[] = {
		{ MEASURE_REACH_UNKNOWN, MEASURE_CANNOT_TELL, MEASURE_NO_EVIDENCE },
		{ MEASURE_REACH_LOOPBACK, MEASURE_DONE, MEASURE_LOOPBACK },
		{ MEASURE_REACH_NOBODY, MEASURE_DONE, MEASURE_NOBODY },
		{ MEASURE_REACH_SOME, MEASURE_DONE, MEASURE_SOME },
		{ MEASURE_REACH_ANYONE, MEASURE_NOT_DONE, MEASURE_ANYONE },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct measure_result result;
		measure_judge(&result, MEASURE_ADDRESS_LIMIT,
			      &(struct measure_evidence){ .reach = cases[i].reach,
							  .reach_names = "friends" });
		assert_int_equal(result.state, cases[i].state);
		assert_int_equal(result.reason, cases[i].reason);
		assert_string_equal(result.detail, result.reason == MEASURE_SOME ? "friends" : "");
	}
}

/* ---- the table ---- */

static void test_table(void **state)
{
	(void)state;
	const struct port_knowledge *ssh = catalog_port_named("ssh");
	for (int id = 0; id < MEASURES; id++) {
		const struct measure *measure = measure_at((enum measure_id)id);
		struct measure_result result;
		assert_non_null(measure->name);
		assert_true(measure->severity >= SEVERITY_LOW);
		/* Without evidence nobody claims anything. */
		measure_judge(&result, (enum measure_id)id, &(struct measure_evidence){ 0 });
		assert_int_equal(result.state, MEASURE_CANNOT_TELL);
		assert_int_equal(result.id, id);
		measure_judge(&result, (enum measure_id)id,
			      &(struct measure_evidence){ .unseen = true, .why = "why" });
		assert_int_equal(result.state, MEASURE_CANNOT_TELL);
	}
	for (int reason = 0; reason < MEASURE_REASONS; reason++) {
		assert_non_null(measure_reason_name((enum measure_reason)reason));
	}
	assert_true(measure_is_for(MEASURE_SSH_PASSWORD, ssh));
	assert_false(measure_is_for(MEASURE_SSH_PASSWORD, catalog_port_named("http")));
	assert_false(measure_is_for(MEASURE_SSH_PASSWORD, NULL));
	assert_non_null(strstr(measure_mend_for(MEASURE_SSH_PASSWORD, "dropbear").en, "dropbear"));
	assert_non_null(strstr(measure_mend_for(MEASURE_SSH_PASSWORD, "sshd").en, "sshd_config"));
	assert_non_null(strstr(measure_mend_for(MEASURE_SSH_PASSWORD, NULL).en, "sshd_config"));
}

static void test_worst(void **state)
{
	(void)state;
	struct measure_result results[] = {
		{ .id = MEASURE_SSH_PASSWORD, .state = MEASURE_NOT_DONE },
		{ .id = MEASURE_SSH_ROOT_LOGIN, .state = MEASURE_DONE },
		{ .id = MEASURE_ADDRESS_LIMIT, .state = MEASURE_NOT_DONE },
	};
	assert_ptr_equal(measure_worst(results, 3), &results[0]);
	results[1].state = MEASURE_NOT_DONE;
	assert_ptr_equal(measure_worst(results, 3), &results[1]);
	results[0].state = results[1].state = results[2].state = MEASURE_CANNOT_TELL;
	assert_null(measure_worst(results, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_command_line_comes_first),
		cmocka_unit_test(test_host_keys_are_listed),
		cmocka_unit_test(test_public_keys),
		cmocka_unit_test(test_root_login),
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_host_key_algorithms),
		cmocka_unit_test(test_host_key_sizes),
		cmocka_unit_test(test_samba),
		cmocka_unit_test(test_address_limit),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_worst),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
