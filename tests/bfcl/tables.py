"""What the set does not say of its worlds: which methods change them, and where its documents are wrong."""

CHANGES: dict[str, frozenset[str]] = {
    "GorillaFileSystem": frozenset({"cd", "cp", "echo", "mkdir", "mv", "rm", "rmdir", "touch"}),
    "MathAPI": frozenset(),
    "MessageAPI": frozenset({"add_contact", "delete_message", "message_login", "send_message"}),
    "TwitterAPI": frozenset(
        {
            "authenticate_twitter", "comment", "follow_user", "mention", "post_tweet", "retweet",
            "unfollow_user",
        }
    ),
    "TicketAPI": frozenset(
        {
            "close_ticket", "create_ticket", "edit_ticket", "logout", "resolve_ticket",
            "ticket_login",
        }
    ),
    "TradingBot": frozenset(
        {
            "add_to_watchlist", "cancel_order", "fund_account", "place_order",
            "remove_stock_from_watchlist", "trading_login", "trading_logout", "withdraw_funds",
        }
    ),
    "TravelAPI": frozenset(
        {
            "authenticate_travel", "book_flight", "cancel_booking",
            "get_flight_cost",  # remembers what it said
            "purchase_insurance", "register_credit_card", "set_budget_limit",
        }
    ),
    "VehicleControlAPI": frozenset(
        {
            "activateParkingBrake", "adjustClimateControl", "fillFuelTank",
            "get_current_speed", "get_outside_temperature_from_google",  # draw from the world's chance
            "lockDoors", "pressBrakePedal", "releaseBrakePedal", "setCruiseControl",
            "setHeadlights", "set_navigation", "startEngine",
        }
    ),
}  # fmt: skip
"""The methods of each class that change its state, what nobody sees of it and its chance too.

``test_the_table_of_effects`` holds it against every gold call; those that no gold call uses were read.
"""

RESULTS_UNTOLD: dict[str, str] = {
    "GorillaFileSystem.mkdir": "gives nothing; an object is documented",
    "GorillaFileSystem.touch": "gives nothing; an object is documented",
    "GorillaFileSystem.echo": "may give nothing; an object is documented",
    "MathAPI.logarithm": "gives a number that is no JSON; an object is documented",
    "MessageAPI.send_message": "gives message_id as an object; an integer is documented",
    "TradingBot.get_stock_info": "gives lists of averages in long contexts; numbers are documented",
    "TradingBot.get_watchlist": "gives what is no JSON in long contexts; an object is documented",
    "TravelAPI.list_all_airports": "gives a list; an object is documented",
}
"""Tools whose results do not fit the set's own documents, and why; they have no output schema."""

REFUSED: dict[str, str] = {
    f"multi_turn_{category}_173": "TicketAPI.close_ticket"
    for category in ("base", "miss_func", "miss_param", "long_context")
}
"""Cases with a gold call of a tool that does not fit the set's own documents.

The number of the ticket is given as a text that is no number; an integer is documented. These calls have to be
refused; the rest of the case is compared with a direct execution without them.
"""
