/* The table of languages, and what the catalogue's services speak. */
#include <string.h>

#include "identify/parts.h"
#include "identify/tables.h"

static const struct language languages[IDENTIFY_TALKS] = {
	[IDENTIFY_TALK_NONE] = { .name = "" },
	[IDENTIFY_TALK_LISTEN] = { .name = "" },
	[IDENTIFY_TALK_HTTP] = { "http", .tcp = true, .say = say_http, .read = read_http },
	[IDENTIFY_TALK_SSH] = { "ssh", .tcp = true, .speaks_first = true, .read = read_ssh },
	[IDENTIFY_TALK_SMTP] = { "smtp", .tcp = true, .speaks_first = true, .say = say_smtp,
				 .read = read_smtp },
	[IDENTIFY_TALK_FTP] = { "ftp", .tcp = true, .speaks_first = true, .say = say_ftp,
				.read = read_ftp },
	[IDENTIFY_TALK_POP3] = { "pop3", .tcp = true, .speaks_first = true, .say = say_pop3,
				 .read = read_pop3 },
	[IDENTIFY_TALK_IMAP] = { "imap", .tcp = true, .speaks_first = true, .say = say_imap,
				 .read = read_imap },
	[IDENTIFY_TALK_NNTP] = { "nntp", .tcp = true, .speaks_first = true, .read = read_nntp },
	[IDENTIFY_TALK_SIEVE] = { "managesieve", .tcp = true, .speaks_first = true,
				  .read = read_sieve },
	[IDENTIFY_TALK_TELNET] = { "telnet", .tcp = true, .speaks_first = true,
				   .read = read_telnet },
	[IDENTIFY_TALK_RSYNC] = { "rsync", .tcp = true, .speaks_first = true, .read = read_rsync },
	[IDENTIFY_TALK_IRC] = { "irc", .tcp = true, .read = read_irc },
	[IDENTIFY_TALK_VNC] = { "vnc", .tcp = true, .speaks_first = true, .say = say_vnc,
				.read = read_vnc },
	[IDENTIFY_TALK_MYSQL] = { "mysql", .tcp = true, .speaks_first = true, .read = read_mysql },
	[IDENTIFY_TALK_POSTGRESQL] = { "postgresql", .tcp = true, .say = say_postgresql,
				       .read = read_postgresql },
	[IDENTIFY_TALK_REDIS] = { "redis", .tcp = true, .say = say_redis, .read = read_redis },
	[IDENTIFY_TALK_MEMCACHED] = { "memcached", .tcp = true, .udp = true, .say = say_memcached,
				      .read = read_memcached },
	[IDENTIFY_TALK_MONGODB] = { "mongodb", .tcp = true, .say = say_mongodb,
				    .read = read_mongodb },
	[IDENTIFY_TALK_MSSQL] = { "mssql", .tcp = true, .say = say_mssql, .read = read_mssql },
	[IDENTIFY_TALK_CASSANDRA] = { "cassandra", .tcp = true, .say = say_cassandra,
				      .read = read_cassandra },
	[IDENTIFY_TALK_AMQP] = { "rabbitmq", .tcp = true, .say = say_amqp, .read = read_amqp },
	[IDENTIFY_TALK_MQTT] = { "mqtt", .tcp = true, .say = say_mqtt, .read = read_mqtt },
	[IDENTIFY_TALK_NATS] = { "nats", .tcp = true, .speaks_first = true, .read = read_nats },
	[IDENTIFY_TALK_LDAP] = { "ldap", .tcp = true, .say = say_ldap, .read = read_ldap },
	[IDENTIFY_TALK_SMB] = { "smb", .tcp = true, .say = say_smb, .read = read_smb },
	[IDENTIFY_TALK_RDP] = { "rdp", .tcp = true, .say = say_rdp, .read = read_rdp },
	[IDENTIFY_TALK_SOCKS] = { "socks", .tcp = true, .say = say_socks, .read = read_socks },
	[IDENTIFY_TALK_RTSP] = { "rtsp", .tcp = true, .say = say_rtsp, .read = read_rtsp },
	[IDENTIFY_TALK_SIP] = { "sip", .tcp = true, .udp = true, .say = say_sip, .read = read_sip },
	[IDENTIFY_TALK_XMPP] = { "xmpp-client", .tcp = true, .say = say_xmpp, .read = read_xmpp },
	[IDENTIFY_TALK_X11] = { "x11", .tcp = true, .say = say_x11, .read = read_x11 },
	[IDENTIFY_TALK_RPC] = { "rpcbind", .tcp = true, .udp = true, .say = say_rpc,
				.read = read_rpc },
	[IDENTIFY_TALK_EPMD] = { "epmd", .tcp = true, .say = say_epmd, .read = read_epmd },
	[IDENTIFY_TALK_AJP] = { "ajp", .tcp = true, .say = say_ajp, .read = read_ajp },
	[IDENTIFY_TALK_FASTCGI] = { "php-fpm", .tcp = true, .say = say_fastcgi,
				    .read = read_fastcgi },
	[IDENTIFY_TALK_DNS] = { "dns", .tcp = true, .udp = true, .say = say_dns, .read = read_dns },
	[IDENTIFY_TALK_TLS] = { "tls" },
	[IDENTIFY_TALK_NTP] = { "ntp", .udp = true, .say = say_ntp, .read = read_ntp },
	[IDENTIFY_TALK_SNMP] = { "snmp", .udp = true, .say = say_snmp, .read = read_snmp },
	[IDENTIFY_TALK_SSDP] = { "ssdp", .udp = true, .say = say_ssdp, .read = read_ssdp },
	[IDENTIFY_TALK_QUIC] = { "quic", .udp = true, .say = say_quic, .read = read_quic },
	[IDENTIFY_TALK_STUN] = { "stun-turn", .udp = true, .say = say_stun, .read = read_stun },
	[IDENTIFY_TALK_TFTP] = { "tftp", .udp = true, .say = say_tftp, .read = read_tftp },
	[IDENTIFY_TALK_NETBIOS] = { "netbios-ns", .udp = true, .say = say_netbios,
				    .read = read_netbios },
	[IDENTIFY_TALK_COAP] = { "coap", .udp = true, .say = say_coap, .read = read_coap },
};

const struct language *language_of(enum identify_talk talk)
{
	return talk <= IDENTIFY_TALK_LISTEN || talk >= IDENTIFY_TALKS ? NULL : &languages[talk];
}

const char *identify_talk_name(enum identify_talk talk)
{
	return languages[talk].name;
}

enum identify_talk identify_talk_of(const char *service, bool *tls)
{
	size_t low = 0, high = 0;
	const struct spoken *spoken = identify_spoken(&high);
	*tls = false;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = strcmp(service, spoken[middle].service);
		if (order == 0) {
			*tls = spoken[middle].tls;
			return (enum identify_talk)spoken[middle].talk;
		}
		low = order > 0 ? middle + 1 : low;
		high = order < 0 ? middle : high;
	}
	return IDENTIFY_TALK_NONE;
}
