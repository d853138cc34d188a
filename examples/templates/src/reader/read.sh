#!/bin/sh
# Asks for the page of the other container, by its name.
while true; do
    wget -q -O - http://web/
    echo "$WORD_1 $WORD_2"
    sleep 5
done
