"""What a person has labelled in images beside their tags: points, boxes and scribbles."""
