/* What the benchmark of the tap and its program in the kernel share. */
#pragma once

#include <linux/types.h>

#ifndef NULL
#define NULL ((void *)0)
#endif

#define FLOOD_BYTES 60 /* Ethernet, IPv4, TCP, padding */

struct flood {
	__u64 state;
	__u32 first;   /* lowest source, host order */
	__u32 sources; /* so many from there on, each as often as another */
	__u32 interface;
	__u32 any_port; /* 0 = that of the packet */
};
