"""Events in, decisions out: trained runs on recordings and live, in bounded memory."""
