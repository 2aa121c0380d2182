/* The target of a request: path and query into a route and a typed question. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "text/text.h"
#include "view/view.h"
#include "web/value.h"

static const char see_document[] = "GET /v1/openapi.json lists paths and parameters";

static int refuse(struct web_fault *fault, uint16_t status, const char *code, const char *next)
{
	fault->status = status;
	fault->code = code;
	fault->next = next;
	return -EINVAL;
}

/* Foreign bytes in the sentence come through view_string when it is printed. */
#define SAY(fault, ...) (void)snprintf((fault)->message, sizeof((fault)->message), __VA_ARGS__)

/* ---- percent encoding, RFC 3986 2.1 ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	const char lower = (char)(c | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decodes in place; `space` is the byte that stands for a space beside %20: '+' in a query (HTML's
 * form encoding), none in a path. @return false for a broken sequence or a NUL. */
static bool decode(char *text, char space)
{
	char *to = text;
	for (const char *from = text; *from != '\0'; from++) {
		char c = space != '\0' && *from == space ? ' ' : *from;
		if (*from == '%') {
			const int high = hex_digit(from[1]);
			const int low = high < 0 ? -1 : hex_digit(from[2]);
			c = (char)(high * 16 + low);
			if (low < 0 || c == '\0') {
				return false;
			}
			from += 2;
		}
		*to++ = c;
	}
	*to = '\0';
	return true;
}

/* ---- path ---- */

/* Whether the path is the route's; `segment` is set to what stands for the braces. */
static bool path_fits(const char *route, const char *path, const char **segment)
{
	*segment = NULL;
	const char *brace = strchr(route, '{');
	if (brace == NULL) {
		return strcmp(route, path) == 0;
	}
	const size_t fixed = (size_t)(brace - route);
	if (strncmp(route, path, fixed) != 0 || path[fixed] == '\0' ||
	    strchr(path + fixed, '/') != NULL) {
		return false;
	}
	*segment = path + fixed;
	return true;
}

/* A fixed path goes before one with braces: "/v1/events/stream" is no event. */
static const struct web_route *find_route(const char *path, const char **segment)
{
	size_t count = 0;
	const struct web_route *routes = web_routes(&count);
	const struct web_route *found = NULL;
	for (size_t i = 0; i < count; i++) {
		const char *part = NULL;
		if (path_fits(routes[i].path, path, &part) && (found == NULL || part == NULL)) {
			found = &routes[i];
			*segment = part;
		}
	}
	return found;
}

/* ---- query ---- */

static const struct web_parameter *find_parameter(const struct web_route *route, const char *name)
{
	for (size_t i = 0; i < route->parameter_count; i++) {
		if (strcmp(route->parameters[i].name, name) == 0) {
			return &route->parameters[i];
		}
	}
	return NULL;
}

static int unknown_parameter(struct web_fault *fault, const struct web_route *route,
			     const char *name)
{
	const char *names[WEB_PARAMETERS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < route->parameter_count && count < WEB_PARAMETERS_MAX; i++) {
		names[count++] = route->parameters[i].name;
	}
	const char *near = text_nearest(name, names, count);
	SAY(fault, "\"%.64s\" is no parameter of %s%s%s%s", name, route->path,
	    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?" : "");
	return refuse(fault, 400, "unknown_parameter", see_document);
}

static int bad_value(struct web_fault *fault, const struct web_parameter *parameter,
		     const char *value)
{
	SAY(fault, "%s: \"%.80s\" is not %s", parameter->name, value,
	    value_expected(parameter->value));
	return refuse(fault, 400, "bad_value", see_document);
}

/* One "name=value". `seen` has a bit for each parameter of the route. */
static int take_pair(struct web_request *request, struct web_fault *fault, char *pair,
		     uint32_t *seen)
{
	char *value = strchr(pair, '=');
	if (value != NULL) {
		*value++ = '\0';
	}
	if (!decode(pair, '+') || (value != NULL && !decode(value, '+'))) {
		SAY(fault, "the query is not percent-encoded as RFC 3986 says");
		return refuse(fault, 400, "bad_encoding", see_document);
	}
	const struct web_parameter *parameter = find_parameter(request->route, pair);
	if (parameter == NULL || pair[0] == '{') {
		return unknown_parameter(fault, request->route, pair);
	}
	const uint32_t bit = 1U << (parameter - request->route->parameters);
	if ((*seen & bit) != 0) {
		SAY(fault, "%s is given twice", parameter->name);
		return refuse(fault, 400, "repeated_parameter", see_document);
	}
	*seen |= bit;
	if (value == NULL || value_read(&request->query, parameter, value) < 0) {
		return bad_value(fault, parameter, value != NULL ? value : "");
	}
	return 0;
}

static int take_query(struct web_request *request, struct web_fault *fault, char *query)
{
	uint32_t seen = 0;
	int r = 0;
	while (query != NULL && *query != '\0' && r == 0) {
		char *next = strchr(query, '&');
		if (next != NULL) {
			*next++ = '\0';
		}
		r = *query == '\0' ? 0 : take_pair(request, fault, query, &seen);
		query = next;
	}
	return r;
}

static int parse(struct web_request *request, struct web_fault *fault, char *target)
{
	char *query = strchr(target, '?');
	if (query != NULL) {
		*query++ = '\0';
	}
	const char *segment = NULL;
	if (!decode(target, '\0')) {
		SAY(fault, "the path is not percent-encoded as RFC 3986 says");
		return refuse(fault, 400, "bad_encoding", see_document);
	}
	request->route = find_route(target, &segment);
	if (request->route == NULL) {
		SAY(fault, "there is no %.128s", target);
		return refuse(fault, 404, "not_found", see_document);
	}
	request->query.question = (uint16_t)request->route->question;
	if (segment != NULL &&
	    value_read(&request->query, &request->route->parameters[0], segment) < 0) {
		return bad_value(fault, &request->route->parameters[0], segment);
	}
	return take_query(request, fault, query);
}

int web_parse(struct web_request *out, struct web_fault *fault, const char *method,
	      const char *target, size_t length)
{
	char copy[WEB_TARGET_BYTES_MAX + 1];
	if (strcmp(method, "GET") != 0) {
		SAY(fault, "only GET is served here: this socket reads and changes nothing");
		return refuse(fault, 405, "method_not_allowed", see_document);
	}
	if (length > WEB_TARGET_BYTES_MAX || memchr(target, '\0', length) != NULL) {
		SAY(fault, "the target is longer than %d bytes or holds a NUL",
		    WEB_TARGET_BYTES_MAX);
		return refuse(fault, 414, "target_too_long", see_document);
	}
	memcpy(copy, target, length);
	copy[length] = '\0';
	struct web_request request = { 0 };
	int r = parse(&request, fault, copy);
	if (r == 0) {
		*out = request;
	}
	return r;
}

char *web_fault_text(const struct web_fault *fault)
{
	json_t *document = json_pack("{s:{s:s, s:o, s:s}}", "error", "code", fault->code, "message",
				     view_string(fault->message), "next", fault->next);
	struct str text = STR_INIT(4096);
	if (view_print(&text, document, false) < 0) {
		str_deinit(&text);
		return NULL;
	}
	return text.text;
}
