/* How the filter of our tap at tc is told from those of others. */
#pragma once

enum {
	TAP_PRIORITY = 6,        /* before what people set by hand, which counts down from 49152 */
	TAP_HANDLE = 0x6d696e61, /* "mina" */
};
