/* What a packet says. */
#include "model/packet.h"

bool packet_offers_sack(const uint8_t *options, size_t length)
{
	enum { END = 0, NOP = 1, SACK_PERMITTED = 4 };
	for (size_t i = 0; i < length && options[i] != END;) {
		if (options[i] == SACK_PERMITTED) {
			return true;
		}
		if (options[i] == NOP) {
			i++;
		} else if (i + 1 < length && options[i + 1] >= 2) {
			i += options[i + 1];
		} else {
			return false;
		}
	}
	return false;
}
