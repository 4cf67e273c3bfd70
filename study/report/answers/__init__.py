"""Answers to the four questions that a reader comes with, written by rules from the tables, one file a question.

A question that the tables cannot answer says so, and why.
"""
